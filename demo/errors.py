"""What the demo says when a step fails."""


class StepFailed(Exception):
    """A step did not do what it should; ``advice`` is what a person can do about it."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.advice = advice
