//! Identity on a real store.

mod bearer;
mod invitations;
mod openid;
mod provider;
mod second_factor;
mod sessions;
mod sign_in;
mod support;
mod team;
