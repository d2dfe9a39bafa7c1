"""From a photo to a portrait: the face found, measured and ready to be moved."""
