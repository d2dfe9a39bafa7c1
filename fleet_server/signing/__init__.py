"""Keys and signed metadata: offline ceremonies and release signing, and the online half that the server runs."""
