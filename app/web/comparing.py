"""From what services answer about two competitors to the page that compares them. Words and order alone, as in `views`."""

from dataclasses import replace

from app.services import sentences
from app.services.answer_shapes import DifferenceShape
from app.services.shapes import By, LeaderboardShape, PredictionShape
from app.web import wording
from app.web.contexts import ComparePage, Link, Note
from app.web.views import Asked, league_url, with_query

CAN_BE_COMPARED = {"yes": "Yes.", "ordered-only": "Only who is ahead.", "no": "No."}


def compare_page(board: LeaderboardShape, prediction: PredictionShape, difference: DifferenceShape, asked: Asked) -> ComparePage:
    """What is expected of a match of two, how far they are apart, and whether the results can tell; `board` is that of their league."""
    first, second = prediction["pair"]["first"], prediction["pair"]["second"]
    path = f"{league_url(board['league'])}/compare"

    def address(one: str, other: str, by: By | None) -> str:
        return with_query(path, {"first": one, "second": other, **replace(asked, by=by).parameters()})

    choices = (
        Link("Live", address(first, second, "live"), current=prediction["by"] == "live"),
        Link("Fit", address(first, second, "fit") if board["fit"] is not None else None, current=prediction["by"] == "fit"),
    )
    return ComparePage(
        first=first,
        second=second,
        by=wording.RATING_NAMES[prediction["by"]],
        position=wording.grouped(prediction["position"]),
        choices=choices,
        turned_url=address(second, first, asked.by),
        league_name=board["name"],
        league_url=with_query(league_url(board["league"]), Asked(where=asked.where).parameters()),
        segment=str(asked.where) or None,
        segment_matches=wording.counted(board.get("matches", 0), "match", "matches"),
        answers=(
            Note("Who would win?", prediction["sentence"]),
            Note("How far are they apart?", difference["sentence"]),
            Note("Can they be compared?", f"{CAN_BE_COMPARED[prediction['comparable']]} {sentences.COMPARED[prediction['comparable']]}"),
        ),
    )
