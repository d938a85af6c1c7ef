"""`pause` and `resume`."""

from support.commands import Commands


def test_a_pause_is_shown_until_its_end(huskies: Commands) -> None:
    paused = huskies("pause", "--reason", "the \x1b[31mnight", "--json")
    pause = paused.data["pause"]
    assert (pause["reason"], pause["by"][:5]) == ("the \x1b[31mnight", "user:")
    again = huskies("pause")
    assert again.stdout == f"paused since {pause['since']} by {pause['by']}: the night\n"
    assert (
        f"paused: no agent starts, since {pause['since']}, by {pause['by']}: the night (huskies resume)"
        in (huskies("status").stdout)
    )
    assert huskies("status", "--json").data["limits"]["paused"] == pause
    resumed = huskies("resume")
    assert resumed.stdout == f"resumed; it was paused since {pause['since']}\n"


def test_resume_without_a_pause_prints_a_message(huskies: Commands) -> None:
    resumed = huskies("resume")
    assert resumed.outcome == (0, "", "there was no pause\n")
