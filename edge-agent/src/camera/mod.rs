//! From a camera to pictures. The only room that names `gstreamer`; none of its types leave it.

pub mod picture;
