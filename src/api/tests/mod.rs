//! Tests of the whole surface, handler by handler.
