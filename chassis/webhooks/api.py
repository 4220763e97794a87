"""The routes of webhooks, the same in every service; what they do is in `desk`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import (
    Fields,
    IdempotencyKey,
    Page,
    Paging,
    Sparse,
    Versioned,
    etag,
    page,
    refuses,
    some_of,
    versioned,
)
from chassis.http.problems import NoSuchPage
from chassis.outbound import AddressNotAllowed
from chassis.webhooks.desk import (
    Desk,
    PingResult,
    PositionNotReached,
    ReplayWebhook,
    TooManyWebhooks,
    Webhook,
    WebhookSecret,
    request_type,
    shown,
)
from chassis.webhooks.table import Action, Delivery, Hook
from contracts.envelope import Event
from contracts.problems import WrongState

TAGS: Final = ["Webhooks"]
T = TypeVar("T", UUID, int)


def webhook_handlers(service: str, events: Mapping[str, type[Event]]) -> Sequence[HTTPRouteHandler]:
    """The routes of one service; they need its `hooks` dependency, a `Desk`."""
    return [_creating(service, request_type(events)), *_making(service), *_steering(service), *_looking(service)]


def _creating(service: str, wanted: Any) -> HTTPRouteHandler:
    scopes = [f"{service}:read"]

    @post(
        "/webhooks",
        operation_id="createWebhook",
        scopes=scopes,
        tags=TAGS,
        status_code=201,
        responses=refuses(AddressNotAllowed, TooManyWebhooks, PositionNotReached),
    )
    async def create_webhook(
        data: JSONBody[wanted],
        hooks: NamedDependency[Desk],
        key: NamedDependency[IdempotencyKey | None],
    ) -> Response[WebhookSecret]:
        """Have events of this service sent to an address of yours, in order, at least once each.

        Messages are CloudEvents in JSON, signed by the Standard Webhooks specification; the `webhook-id` is the event's id
        and stays the same in every attempt. The secret is in this answer and in no other.
        """
        hook, secret = await hooks.create(data, data.types, key)
        body = WebhookSecret(webhook=shown(hook), secret=secret)
        return Response(body, headers={"Location": f"/webhooks/{hook.id}"})

    return create_webhook


def _making(service: str) -> Sequence[HTTPRouteHandler]:
    scopes = [f"{service}:read"]

    @post(
        "/webhooks/{webhook_id:uuid}/secret",
        operation_id="rotateWebhookSecret",
        scopes=scopes,
        tags=TAGS,
        status_code=200,
    )
    async def rotate_webhook_secret(
        webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]
    ) -> Response[WebhookSecret]:
        """Get a new secret; for a day messages carry signatures of both, so that you can change without losing one."""
        hook, secret = await hooks.rotate(webhook_id)
        return Response(WebhookSecret(webhook=shown(hook), secret=secret))

    @delete("/webhooks/{webhook_id:uuid}", operation_id="deleteWebhook", scopes=scopes, tags=TAGS, status_code=204)
    async def delete_webhook(webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]) -> None:
        """Send nothing more and forget the secret; what was done to it stays in the list of actions."""
        await hooks.remove(webhook_id)

    return [rotate_webhook_secret, delete_webhook]


def _steering(service: str) -> Sequence[HTTPRouteHandler]:
    scopes = [f"{service}:read"]

    @post(
        "/webhooks/{webhook_id:uuid}/pause",
        operation_id="pauseWebhook",
        scopes=scopes,
        tags=TAGS,
        status_code=200,
        responses=refuses(WrongState),
    )
    async def pause_webhook(webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]) -> Response[Webhook]:
        """Send nothing until it is resumed; nothing is lost meanwhile."""
        return _answer(await hooks.pause(webhook_id))

    @post("/webhooks/{webhook_id:uuid}/resume", operation_id="resumeWebhook", scopes=scopes, tags=TAGS, status_code=200)
    async def resume_webhook(webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]) -> Response[Webhook]:
        """Go on behind the last event that was told, at once, whether it was paused, disabled or waiting."""
        return _answer(await hooks.resume(webhook_id))

    @post(
        "/webhooks/{webhook_id:uuid}/replay",
        operation_id="replayWebhook",
        scopes=scopes,
        tags=TAGS,
        status_code=200,
        responses=refuses(PositionNotReached),
    )
    async def replay_webhook(
        webhook_id: FromPath[UUID], data: JSONBody[ReplayWebhook], hooks: NamedDependency[Desk]
    ) -> Response[Webhook]:
        """Send again what was recorded behind a position; every message has the id it had before."""
        return _answer(await hooks.replay(webhook_id, data.after))

    @post("/webhooks/{webhook_id:uuid}/ping", operation_id="pingWebhook", scopes=scopes, tags=TAGS, status_code=200)
    async def ping_webhook(webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]) -> PingResult:
        """Send a signed test message now and see what the receiver answers."""
        return await hooks.ping(webhook_id)

    return [pause_webhook, resume_webhook, replay_webhook, ping_webhook]


def _looking(service: str) -> Sequence[HTTPRouteHandler]:
    scopes = [f"{service}:read"]

    @get("/webhooks", operation_id="listWebhooks", scopes=scopes, tags=TAGS)
    async def list_webhooks(
        hooks: NamedDependency[Desk], paging: NamedDependency[Paging], fields: NamedDependency[Fields]
    ) -> Sparse[Webhook]:
        """List your tenant's webhooks in this service."""
        after = _after(paging, UUID)
        found = await hooks.table.of_tenant(hooks.me.tenant, after, paging.limit + 1)
        return some_of(page([shown(hook) for hook in found], paging, lambda hook: (str(hook.id),)), fields)

    @get("/webhooks/{webhook_id:uuid}", operation_id="showWebhook", scopes=scopes, tags=TAGS)
    async def show_webhook(webhook_id: FromPath[UUID], hooks: NamedDependency[Desk]) -> Versioned[Webhook]:
        """Show a webhook: what it wants, how far it was told, and whether it is well."""
        hook = await hooks.find(webhook_id)
        return versioned(shown(hook), hook.version)

    @get("/webhooks/{webhook_id:uuid}/deliveries", operation_id="listWebhookDeliveries", scopes=scopes, tags=TAGS)
    async def list_webhook_deliveries(
        webhook_id: FromPath[UUID], hooks: NamedDependency[Desk], paging: NamedDependency[Paging]
    ) -> Page[Delivery]:
        """List the last attempts to deliver, newest first, with what came of each."""
        hook = await hooks.find(webhook_id)
        found = await hooks.table.deliveries(hook, _after(paging, int), paging.limit + 1)
        return page(found, paging, lambda delivery: (delivery.nr,))

    @get("/webhook-actions", operation_id="listWebhookActions", scopes=scopes, tags=TAGS)
    async def list_webhook_actions(hooks: NamedDependency[Desk], paging: NamedDependency[Paging]) -> Page[Action]:
        """List what was done to your tenant's webhooks and by whom, newest first; deleted ones included."""
        found = await hooks.table.actions(hooks.me.tenant, _after(paging, int), paging.limit + 1)
        return page(found, paging, lambda action: (action.nr,))

    return [list_webhooks, show_webhook, list_webhook_deliveries, list_webhook_actions]


def _after(paging: Paging, kind: type[T]) -> T | None:
    """The sort key of the last item of the page before. Raises NoSuchPage for a cursor that is not of this list."""
    if not paging.after:
        return None
    try:
        found = kind(paging.after[0])
    except (ValueError, TypeError, AttributeError):
        raise NoSuchPage from None
    if isinstance(found, int) and abs(found) >= 2**63:
        raise NoSuchPage
    return found


def _answer(hook: Hook) -> Response[Webhook]:
    return Response(shown(hook), headers={"ETag": etag(hook.version)})
