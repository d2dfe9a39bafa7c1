"""What programs on different machines must agree on, byte for byte (normative text: docs/protocol.md)."""
