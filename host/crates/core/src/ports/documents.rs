//! Documents of others, fetched by the one outbound client.

use async_trait::async_trait;

/// Why a document was not had. The text is for the log: it may name addresses that a caller must not learn.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL, or the address it leads to, is one the server does not ask. Trying again changes nothing.
    #[error("the document is not fetched: {0}")]
    Refused(String),
    /// The other side did not answer, not in time, or not well.
    #[error("the document could not be fetched: {0}")]
    Unavailable(String),
}

/// Fetches documents that clients register by URL. The address filter, time and size limits are the adapter's.
#[async_trait]
pub trait RemoteDocuments: Send + Sync {
    /// The body of a JSON document: status 200, no redirect.
    ///
    /// # Errors
    /// [`FetchError`].
    async fn fetch_json(&self, url: &str) -> Result<Vec<u8>, FetchError>;
}
