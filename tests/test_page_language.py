"""The language of the page in a real browser: two visitors of one studio in two languages, and another one in mid-run."""

from browser import PATIENCE, playwright


def choose(visitor, language):
    visitor.page.locator("#language").focus()
    visitor.page.locator("#language").select_option(language)
    playwright.expect(visitor.page.locator("html")).to_have_attribute("lang", language, timeout=PATIENCE)


def test_two_visitors_read_two_languages_and_one_changes_hers_while_it_paints(visit, long_recipe):
    german, french = visit(locale="de-AT"), visit(locale="fr-CA")
    page, expect = german.page, playwright.expect
    expect(page.locator("#paint")).to_have_text("Malen")
    expect(french.page.locator("#paint")).to_have_text("Peindre")
    expect(page.get_by_role("tab", name="Leinwand")).to_be_visible()
    expect(page.locator("#set-style_weight")).to_contain_text("Stilgewicht β")
    page.evaluate("window.loadedOnce = true")
    page.locator("#dials > input[type=file]").set_input_files(long_recipe)
    german.says("Einstellungen wiederhergestellt aus long.json")
    page.locator("#paint").click()
    german.different_pictures(2)
    german.says(r"Schritt \d+ von 1000 .* \d+,\d Schritte/s")

    choose(german, "ru")
    german.says(r"Шаг \d+ из 1000")
    german.different_pictures(2)  # it goes on
    expect(page.locator("#stop")).to_have_text("Стоп")
    expect(page.locator("#set-style_weight")).to_contain_text("Вес стиля β")
    expect(page.locator("#presets")).to_contain_text("Мастихин")
    expect(page.get_by_role("tab", name="Холст")).to_be_visible()
    expect(page.locator("#language")).to_be_focused()
    expect(french.page.locator("#paint")).to_have_text("Peindre")
    page.locator("#stop").click()
    german.says(r"Остановлено на шаге \d+")
    expect(page.locator("#paint")).to_have_text("Заново")
    choose(german, "nl")
    german.says("Je laatste schilderij, bij stap")
    expect(page.locator("#paint")).to_have_text("Opnieuw")
    assert page.evaluate("window.loadedOnce")
    page.reload()
    expect(page.locator("#set-style_weight")).to_contain_text("Stijlgewicht β")  # the choice is remembered
    german.says("Je laatste schilderij")


def test_a_number_that_cannot_be_is_refused_in_the_language_that_was_chosen(visit):
    visitor = visit()
    choose(visitor, "es")
    visitor.set("style_weight", -3)
    visitor.says("Peso del estilo β debe estar entre 0 y .* Vuelve a ser 10")
    visitor.page.get_by_role("tab", name="Antes / después").click()
    playwright.expect(visitor.page.locator("#compare .choosers")).to_contain_text("Izquierda")
    choose(visitor, "de")
    playwright.expect(visitor.page.locator("#compare .choosers")).to_contain_text("Links")
    playwright.expect(visitor.page.locator("#canvas")).to_be_attached()
