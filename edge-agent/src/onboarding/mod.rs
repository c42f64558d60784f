//! A camera's first day: who is on the network ([`discover`]), what a stream is like ([`probe`]), and a file of cameras.d/ for it.
//! Nothing of it works in service.

pub mod discover;
mod figures;
mod login;
mod onvif;
mod page;
mod paths;
pub mod probe;
mod wsdiscovery;
