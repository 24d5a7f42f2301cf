"""What a step frees stays for the next one, where the C library can be told so."""

import ctypes

import pytest

from stylekit.memory import keep_freed


@pytest.mark.slow
@pytest.mark.parametrize("door", ["told", "page", "command line"])
def test_what_was_freed_is_used_again_in_every_thread_instead_of_asked_of_the_system_anew(doors, door):
    if not has_glibc():
        pytest.skip("the C library is not glibc")
    kept, left = doors(door)["pages"], doors("left alone")["pages"]
    assert all(few * 10 < many for few, many in zip(kept, left, strict=True))


def has_glibc():
    try:
        return bool(ctypes.CDLL(None).gnu_get_libc_version)
    except (AttributeError, OSError, TypeError):
        return False


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_a_system_without_a_c_library_to_ask_is_left_as_it_is(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert keep_freed() is False


def test_a_c_library_that_cannot_be_told_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed() is False


def test_refused_values_are_not_called_kept(monkeypatch):
    told = []

    class Refusing:
        def mallopt(self, parameter, value):
            told.append(parameter)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Refusing())
    assert keep_freed() is False and len(told) == 3
