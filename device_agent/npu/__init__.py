"""The RK3588's NPU on the board itself: how long compiled graphs take."""
