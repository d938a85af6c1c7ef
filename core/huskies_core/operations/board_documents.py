"""The board as the JSON that scripts rely on."""

from dataclasses import asdict

from huskies_core.clock import to_iso
from huskies_core.operations.board import Board, Card, Need
from huskies_core.operations.documents import Document, run_now_document, story_document
from huskies_core.operations.limits import Limits, Places
from huskies_core.operations.pause import pause_document
from huskies_core.passes.relay import Unreached


def board_document(board: Board) -> Document:
    return {
        "stages": {
            name.value: [_card_document(card) for card in cards] for name, cards in board.stages.items()
        },
        "counts": {name.value: count for name, count in board.counts.items()},
        "runs": [run_now_document(run) for run in board.runs],
        "needs_person": [_need_document(need) for need in board.needs],
        "limits": {} if board.limits is None else _limits_document(board.limits),
        "firings": [asdict(trouble) for trouble in board.firings],
    }


def _card_document(card: Card) -> Document:
    return {**story_document(card.story), "state": card.state, "why": card.why}


def _need_document(need: Need) -> Document:
    stage = need.story.stage.name
    return {
        "story": need.story.id,
        "stage": stage,
        "rule": need.rule,
        "reason": need.reason,
        "command": need.command,
        "cause": need.cause,
    }


def _limits_document(limits: Limits) -> Document:
    return {
        "coders": _places(limits.coders),
        "gates": _places(limits.gates),
        "day": {
            "spent_usd": limits.day.usd,
            "most_usd": limits.day.most,
            "reached": limits.day.is_reached,
            "until": to_iso(limits.day.until),
        },
        "over_budget": list(limits.over_budget),
        "holds": [
            {"rule": hold.kind, "story": hold.story or None, "since": hold.since, "detail": dict(hold.detail)}
            for hold in limits.holds
        ],
        "starving": [{"story": story.id, "since": story.stage_entered_at} for story in limits.starving],
        "throttled": [
            {"agent": one.agent, "story": one.story, "rule": one.why, "until": to_iso(one.until)}
            for one in limits.throttled
        ],
        "accounts": [
            {
                "runtime": limit.account.runtime,
                "model": limit.account.model or None,
                "until": to_iso(limit.until),
                "detail": limit.detail,
            }
            for limit in limits.accounts
        ],
        "paused": pause_document(limits.pause),
        "gateway": None if limits.gateway is None else _gateway(limits.gateway),
        "untold": [
            {"notification": one.id, "at": one.at, "status": one.status, "detail": one.trouble}
            for one in limits.untold
        ],
        "repository_changed": [
            {"at": found.at, "change": found.change, "runs": list(found.runs)} for found in limits.findings
        ],
    }


def _gateway(found: Unreached) -> Document:
    next_try = None if found.next_try is None else to_iso(found.next_try)
    return {"failures": found.failures, "why": found.why, "next_try": next_try, "waiting": found.waiting}


def _places(places: Places) -> Document:
    return {"live": places.live, "most": places.most, "reached": places.live >= places.most}
