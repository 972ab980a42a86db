"""Speech recognition: where a Whisper model is, the recogniser that the stages use, and the word error rate."""
