"""The studio: visitors, their runs, the line and the limits. Knows no page: a page, an API and a command line stand on it."""
