//! The HTTP side: local services read, watch and edit; operators ask; scrapers scrape. It speaks to the rest of the node
//! through the door alone. It must not know libp2p, redb or how a value came to be.

mod access;
mod alarm;
mod ask;
mod audit;
mod body;
mod edit;
mod entry;
mod etag;
mod guard;
mod health;
mod hot;
mod listen;
mod listing;
mod nodes;
mod openapi;
mod problem;
mod refuse;
mod routes;
mod secret;
mod server;
mod settings;
mod stalled;
mod stamp;
mod submit;
mod target;
mod tell;
mod watch;

pub use access::AccessError;
pub use listen::HttpError;
pub use openapi::document;
pub use problem::Kind;
pub use server::{Served, serve};
pub use settings::{HttpSettings, UnixSocket};
