"""The server behind the frames: enrolment, telemetry, releases, rollouts, complaints, pages for people."""
