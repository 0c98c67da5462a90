"""A secret shows itself only when asked, wherever it goes."""

import copy
import io
import json
import logging
import pickle
import traceback

import pytest

from kong_vault_py.secret import MaskingFilter, Secret, mask

CANARY = "canary-hunter2"


def test_reveal_is_the_only_way_to_the_value():
    secret = Secret(CANARY)

    assert secret.reveal() == CANARY
    assert secret.reveal_bytes() == CANARY.encode()
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret:>20}", repr([secret]), repr({"a": secret})):
        assert CANARY not in shown


def test_bytes_that_are_no_utf8_come_back_as_they_were():
    raw = b"\xff\x00\xfe key material"

    assert Secret(raw).reveal_bytes() == raw


@pytest.mark.parametrize("serialise", [json.dumps, pickle.dumps, lambda secret: "x" + secret, lambda s: "".join([s])])
def test_nothing_serialises_or_joins_it_by_accident(serialise):
    with pytest.raises(TypeError) as raised:
        serialise(Secret(CANARY))

    assert CANARY not in str(raised.value)


def test_copies_are_the_secret_itself():
    secret = Secret(CANARY)

    assert copy.copy(secret) is copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_equality_is_by_value_and_not_with_text():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert not Secret("")


@pytest.mark.parametrize("value", [None, 5, ["a"]])
def test_it_holds_text_and_nothing_else(value):
    with pytest.raises(TypeError, match=type(value).__name__):
        Secret(value)


def test_living_values_are_masked_in_text_the_longest_first():
    secrets = [Secret("long-secret"), Secret("long-secret-and-more")]

    assert mask("a long-secret-and-more b long-secret c") == "a *** b *** c"
    assert len(secrets) == 2


def test_a_forgotten_secret_and_a_short_one_are_not_masked():
    secret = Secret("gone-soon")
    short = Secret("on")
    del secret

    assert mask("gone-soon is on") == "gone-soon is on"
    assert short.reveal() == "on"


@pytest.fixture
def logged():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskingFilter())
    logger = logging.getLogger("canary-test")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_the_filter_masks_messages_arguments_and_tracebacks(logged):
    logger, stream = logged
    secret = Secret(CANARY)

    logger.error("plain %s and %r", secret.reveal(), {"password": secret.reveal()})
    try:
        raise ValueError(f"could not log in with {secret.reveal()}")
    except ValueError:
        logger.exception("failed")

    assert CANARY not in stream.getvalue()
    assert "could not log in with ***" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_traceback_through_frames_that_hold_it_shows_no_value():
    def phase(password):
        raise RuntimeError(f"failed with {password}")

    try:
        phase(Secret(CANARY))
    except RuntimeError:
        shown = traceback.format_exc()

    assert CANARY not in shown


def test_of_two_secrets_with_one_value_the_last_one_still_masks_it():
    first, second = Secret("canary-value"), Secret("canary-value")
    del first

    assert mask("x canary-value") == "x ***"
    assert second.reveal() == "canary-value"
