//! `id_token_hint` (OIDC Core §3.1.2.1): whose tokens are hints.

use std::time::Duration;

use crate::id_token_hint::{self, Hint, HintError};

use super::Site;

#[tokio::test]
async fn hint_is_an_id_token_of_ours_even_at_its_end() {
    let site = Site::new().await;
    let code = site.issue_code("openid").await;
    let answer = site.redeem(&code).await.unwrap();
    let verify = |token: &str| id_token_hint::verify(&site.provider, token, site.now());
    let id_token = answer.id_token.as_ref().unwrap().expose().to_owned();
    let hint = verify(&id_token).unwrap();
    assert_eq!(hint.client_id, site.client.id);
    assert_eq!(hint.subject, site.user.id.to_string());
    site.advance(Duration::from_hours(48));
    assert_eq!(verify(&id_token), Ok(Hint { ..hint }));
    for other in [answer.access_token.expose(), "", "x", &format!("{id_token}A")] {
        assert!(matches!(verify(other), Err(HintError::Token(_))), "{other}");
    }
}
