"""kill -9 of real role processes under a stream of transfers, and the proof that nothing was lost or sent twice."""
