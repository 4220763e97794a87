"""Webhooks: events of one service's log sent to addresses of partners, by the Standard Webhooks specification.

`table` is what is kept, `courier` delivers it, `post` is one attempt over HTTP, `signing` its headers, `api` the routes.
Each service has its own, because a position belongs to one log: see docs/decisions/0011-webhooks-of-each-service.md.
"""
