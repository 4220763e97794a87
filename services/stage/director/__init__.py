"""The director: sees to it that what operators ask for happens, on the engine of each stage that needs one.

`watch` follows the log and keeps one `Keeper` for each such stage; a keeper owns the connection to one engine; `pen`
writes down what became true.
"""

from services.stage.director.watch import Director

__all__ = ["Director"]
