//! WASI 0.2 with nothing in it: no arguments, environment, files or network, and standard streams that end in the log.
//! Language runtimes import it whether they use it or not, so it must link.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{
    WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
};

use crate::{call::CallContext, observer::LogLevel};

/// What a call may print, in bytes; the rest is swallowed.
const PRINTED_BYTES_MAX: usize = 16 << 10;
/// The most random bytes in one call of the import.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// Streams, pollables and the like alive at once.
const RESOURCES_MAX: usize = 256;

/// Made when a guest first touches it: most calls never do.
pub(crate) struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
    printed: Printed,
}

impl WasiState {
    fn new() -> Self {
        let printed = Printed::default();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let context = WasiCtxBuilder::new()
            .stdout(printed.clone())
            .stderr(printed.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        Self {
            context,
            table,
            printed,
        }
    }

    /// What was printed so far, line by line; a panic's message among it.
    pub fn take_printed(&self) -> Vec<(LogLevel, String)> {
        let bytes = std::mem::take(&mut *self.printed.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&bytes)
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| (LogLevel::Info, line.to_owned()))
            .collect()
    }
}

impl WasiView for CallContext {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let state = self.wasi.get_or_insert_with(|| Box::new(WasiState::new()));
        WasiCtxView {
            ctx: &mut state.context,
            table: &mut state.table,
        }
    }
}

/// A sink with a cap. It never blocks and never fails, so that printing too much changes nothing for the guest.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn wasmtime_wasi::p2::OutputStream> {
        Box::new(self.clone())
    }
}

impl Printed {
    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = PRINTED_BYTES_MAX.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

#[async_trait::async_trait]
impl wasmtime_wasi::p2::Pollable for Printed {
    async fn ready(&mut self) {}
}

impl wasmtime_wasi::p2::OutputStream for Printed {
    fn write(&mut self, bytes: bytes::Bytes) -> wasmtime_wasi::p2::StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> wasmtime_wasi::p2::StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> wasmtime_wasi::p2::StreamResult<usize> {
        Ok(4096)
    }
}

impl AsyncWrite for Printed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.keep(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_has_a_cap() {
        let state = WasiState::new();
        state.printed.keep(b"first\n\n");
        state.printed.keep(&vec![b'x'; PRINTED_BYTES_MAX * 2]);
        let printed = state.take_printed();
        assert_eq!(printed.first().unwrap().1, "first");
        assert_eq!(
            printed.iter().map(|(_, l)| l.len()).sum::<usize>(),
            PRINTED_BYTES_MAX - 2
        );
    }
}
