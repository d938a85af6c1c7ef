"""The table [notify]: what people are told of, and how. Secrets are named, as ${NAME}; `.huskies/env` has them."""

import re

from huskies_core.config.records import Notify
from huskies_core.config.table import Table

_WEBHOOK = re.compile(r"\$\{|https?://[^\s/]")
_SERVICE = re.compile(r"\$\{|[A-Za-z][A-Za-z0-9+.-]*://")
_DAY_SECS = 86_400


def read_notify(table: Table) -> Notify:
    notify = Notify(
        events=table.choices("events", Notify.events),
        desktop=table.flag("desktop", default=Notify.desktop),
        command=table.arguments("command"),
        webhook=_webhook(table),
        apprise=_services(table),
        batch_secs=table.integer("batch_secs", Notify.batch_secs, least=0, most=_DAY_SECS),
    )
    table.finish()
    return notify


def _webhook(table: Table) -> str | None:
    url = table.line("webhook")
    if url is not None and not _WEBHOOK.match(url):
        table.problem("webhook", "notify.webhook must begin with http://, https:// or ${NAME}")
    return url


def _services(table: Table) -> tuple[str, ...]:
    urls = table.strings("apprise")
    if not all(map(_SERVICE.match, urls)):
        hint = "Write each as its service has it, such as tgram://${BOT_TOKEN}/${CHAT_ID}."
        table.problem("apprise", "notify.apprise must be a list of addresses such as service://…", hint)
    return urls
