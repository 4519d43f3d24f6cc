//! The PostgreSQL backend: the contract both backends keep, and what only PostgreSQL can get wrong.

#[path = "postgres/commit_order.rs"]
mod commit_order;
#[path = "postgres/fixture.rs"]
mod fixture;
#[path = "postgres/migrations.rs"]
mod migrations;
#[path = "postgres/outage.rs"]
mod outage;
