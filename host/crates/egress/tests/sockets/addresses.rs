//! Whom the client asks, and whom it does not.

use crate::*;

#[tokio::test]
async fn name_at_loopback_is_refused_unless_exempt() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    for answer in [
        &["127.0.0.1"][..],
        &["::ffff:127.0.0.1"],
        &["10.0.0.1", "169.254.169.254"],
        &[],
    ] {
        for scheme in ["https", "http"] {
            let egress = egress(policy(&[]), &[answer]);
            let error = egress.get_json(&server.url(scheme, NAME)).await.unwrap_err();
            assert!(
                matches!(error, EgressError::Address),
                "{scheme} {answer:?}: {error:?}"
            );
        }
    }
    assert_eq!(server.reached(), 0);
    let exempt = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    exempt.get_json(&server.url("http", NAME)).await.unwrap();
}

#[tokio::test]
async fn literal_addresses_are_refused_in_every_spelling() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    let answers = Answers::new(AT_LOOPBACK);
    let egress = Egress::with_lookup(policy(&[]), &(Arc::clone(&answers) as Arc<dyn Lookup>)).unwrap();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
    ] {
        for scheme in ["https", "http"] {
            let error = egress.get_json(&server.url(scheme, host)).await.unwrap_err();
            assert!(
                matches!(error, EgressError::Address),
                "{scheme} {host}: {error:?}"
            );
        }
    }
    assert_eq!((server.reached(), answers.asked()), (0, 0));
}

#[tokio::test]
async fn http_goes_to_exempt_addresses_alone() {
    for (exempt, answer) in [(&[][..], "8.8.8.8"), (&["127.0.0.1/32"], "8.8.8.8")] {
        let egress = egress(policy(exempt), &[&[answer]]);
        for host in [NAME, answer] {
            let error = egress.get_json(&format!("http://{host}/")).await.unwrap_err();
            assert!(matches!(error, EgressError::Address), "{host}: {error:?}");
        }
    }
}

#[tokio::test]
async fn urls_that_are_not_asked_say_why() {
    let egress = egress(policy(&["127.0.0.0/8"]), AT_LOOPBACK);
    for url in [
        "",
        "/jwks",
        "ftp://keys.example.com/",
        "file:///etc/passwd",
        "data:,x",
        "https://user@keys.example.com/",
        "https://:secret@keys.example.com/",
    ] {
        let error = egress.get_json(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Url(_)), "{url}: {error:?}");
        let error = egress.fetch_json(url).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn name_that_moves_inside_is_not_followed() {
    let server = Server::start(None, Behaviour::Say(JSON)).await;
    // A check by a look-up of its own would see the first answer and dial the second.
    let answers = Answers::new(&[&["203.0.113.7", "127.0.0.1"], &["127.0.0.2"]]);
    let egress = Egress::with_lookup(
        policy(&["127.0.0.1/32"]),
        &(Arc::clone(&answers) as Arc<dyn Lookup>),
    )
    .unwrap();
    egress.get_json(&server.url("http", NAME)).await.unwrap();
    assert_eq!((answers.asked(), server.reached()), (1, 1));
    let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
    assert!(matches!(error, EgressError::Address), "{error:?}");
    assert_eq!((answers.asked(), server.reached()), (2, 1));
}

#[tokio::test]
async fn unknown_name_and_closed_port_are_told_apart() {
    let error = egress(policy(&[]), &[])
        .get_json("https://keys.example.com/")
        .await
        .unwrap_err();
    assert!(matches!(error, EgressError::Resolve(_)), "{error:?}");
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let egress = egress(policy(&["127.0.0.1/32"]), &[]);
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(_)), "{error:?}");
    assert!(matches!(
        egress.fetch_json(&url).await,
        Err(FetchError::Unavailable(_))
    ));
}
