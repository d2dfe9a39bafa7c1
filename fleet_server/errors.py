"""Errors of the fleet server.

ServerError 1
├── ConfigurationError 2   the data directory or a setting cannot be used
├── BrokerError 3          mosquitto is missing or does not become ready
└── Refused                a request that is understood and declined; carries the HTTP status
    ├── NotFound 404
    ├── Forbidden 403
    ├── Conflict 409
    ├── Invalid 422
    ├── TooMany 429
    └── Unavailable 503
"""


class ServerError(Exception):
    """The message says what was expected, what came, and what to do."""

    exit_code = 1


class ConfigurationError(ServerError):
    """The data directory or a setting cannot be used."""

    exit_code = 2


class BrokerError(ServerError):
    """The MQTT broker is missing or does not become ready."""

    exit_code = 3


class Refused(ServerError):
    """A request that is understood and declined; the web layer turns it into ``status``."""

    status = 400
    title = "Request refused"


class NotFound(Refused):
    """Nothing of that name, or nothing that the caller may see."""

    status = 404
    title = "Not found"


class Forbidden(Refused):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"


class Conflict(Refused):
    """The thing asked for contradicts what is already there."""

    status = 409
    title = "Conflict"


class Invalid(Refused):
    """A field or file breaks a documented limit."""

    status = 422
    title = "Not valid"


class TooMany(Refused):
    """A rate limit was reached; asking again later may succeed."""

    status = 429
    title = "Too many requests"


class Unavailable(Refused):
    """The server is not set up for this yet; asking again later may succeed."""

    status = 503
    title = "Not available yet"
