"""What somebody with the owner's password can do to a log of 310 events, each with the first position it shows at."""

import asyncpg

REWRITES = {
    "changed": ("UPDATE log.events SET payload = '{\"by\":9}' WHERE position = 200", 200),
    "removed": ("DELETE FROM log.events WHERE position = 17", 17),
    "reordered": (
        (
            "UPDATE log.events SET position = CASE position WHEN 40 THEN -1 ELSE position END WHERE position = 40;"
            "UPDATE log.events SET position = 40 WHERE position = 41; UPDATE log.events SET position = 41 WHERE position = -1"
        ),
        40,
    ),
    "inserted": (
        (
            "UPDATE log.events SET position = -position WHERE position >= 300;"
            "UPDATE log.events SET position = 1 - position WHERE position < 0;"
            "INSERT INTO log.events SELECT 300, 'counter-forged', 1, type, tenant, show, payload, metadata, recorded_at"
            " FROM log.events WHERE position = 1"
        ),
        300,
    ),
    "recorded at another time": (
        "UPDATE log.events SET recorded_at = recorded_at + interval '1 microsecond' WHERE position = 5",
        5,
    ),
}


async def rewrite(owner_url: str, how: str) -> None:
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(REWRITES[how][0])
    finally:
        await owner.close()
