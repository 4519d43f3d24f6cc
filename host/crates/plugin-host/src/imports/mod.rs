//! What a plugin may call, one file per interface.

pub(crate) mod config;
pub(crate) mod log;
pub(crate) mod wasi;

use wasmtime::component::{HasSelf, Linker};

use crate::{call::CallContext, versions::v0_1};

/// Everything that is linked. What is not linked here is refused when a component is loaded.
pub(crate) fn link(linker: &mut Linker<CallContext>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    v0_1::ClaimMapperPlugin::add_to_linker::<_, HasSelf<_>>(linker, |context| context)
}
