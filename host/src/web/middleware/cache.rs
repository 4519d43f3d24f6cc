//! `Cache-Control` by row. What a row does not allow to keep is never kept, and errors never are.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::web::routes::Cache;

/// Sets the headers of one answer.
pub fn apply(cache: Cache, status: StatusCode, headers: &mut HeaderMap) {
    let value = match cache {
        Cache::Public(max_age) if status.is_success() || status == StatusCode::NOT_MODIFIED => {
            HeaderValue::from_str(&format!("public, max-age={}", max_age.as_secs())).ok()
        }
        Cache::Immutable if status.is_success() || status == StatusCode::NOT_MODIFIED => {
            Some(HeaderValue::from_static("public, max-age=31536000, immutable"))
        }
        Cache::NoStore | Cache::Public(_) | Cache::Immutable => None,
    };
    let Some(value) = value else {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // RFC 6749 §5.1 asks for this one as well.
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        return;
    };
    headers.insert(header::CACHE_CONTROL, value);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cache_control(cache: Cache, status: StatusCode) -> String {
        let mut headers = HeaderMap::new();
        apply(cache, status, &mut headers);
        headers[header::CACHE_CONTROL].to_str().unwrap().to_owned()
    }

    #[test]
    fn only_good_answers_of_public_rows_are_kept() {
        let public = Cache::Public(Duration::from_mins(5));
        assert_eq!(cache_control(public, StatusCode::OK), "public, max-age=300");
        assert_eq!(cache_control(public, StatusCode::SERVICE_UNAVAILABLE), "no-store");
        assert_eq!(
            cache_control(Cache::Immutable, StatusCode::OK),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(cache_control(Cache::Immutable, StatusCode::NOT_FOUND), "no-store");
        assert_eq!(cache_control(Cache::NoStore, StatusCode::OK), "no-store");
    }
}
