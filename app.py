"""The front door: `python app.py` opens the studio at http://127.0.0.1:7860."""

from stylekit import ui

demo = ui.build()

if __name__ == "__main__":
    ui.launch(demo)
