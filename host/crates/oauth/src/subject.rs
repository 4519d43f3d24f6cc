//! `sub`: one function of user and client, so that no two places can disagree about it (OIDC Core §2, §8; RFC 9068 §5).

use authly_core::{client::Client, user::User};
use uuid::Uuid;

/// `sub` of a person, as the client sees it. Public today (OIDC Core §8); the client is a parameter because a
/// pairwise identifier depends on it.
pub fn of_user(user: &User, _client: &Client) -> String {
    user.id.to_string()
}

/// `sub` of a client that acts for itself: its `client_id` (RFC 9068 §2.2).
///
/// It can never be a person's: theirs are UUIDs, and a `client_id` that reads as a UUID in any spelling gets a
/// prefix, as does one that begins with the prefix, so that two clients stay two (RFC 9068 §5, RFC 9700 §4.15).
pub fn of_client(client: &Client) -> String {
    const PREFIX: &str = "client:";
    let id = client.id.as_str();
    if id.starts_with(PREFIX) || Uuid::try_parse(id).is_ok() {
        return format!("{PREFIX}{id}");
    }
    id.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn client_subject_is_never_a_persons() {
        let user = testing::user("alice");
        let mut client = testing::client("service");
        assert_eq!(of_client(&client), "service");
        let sub = of_user(&user, &client);
        for spelling in [
            sub.clone(),
            sub.to_uppercase(),
            sub.replace('-', ""),
            format!("urn:uuid:{sub}"),
        ] {
            client.id = authly_core::ClientId::parse(&spelling).unwrap();
            assert_eq!(of_client(&client), format!("client:{spelling}"));
        }
    }

    #[test]
    fn two_clients_never_share_a_subject() {
        let uuid = testing::user("alice").id.to_string();
        let plain = testing::client(&uuid);
        let posing = testing::client(&format!("client:{uuid}"));
        assert_ne!(of_client(&plain), of_client(&posing));
    }
}
