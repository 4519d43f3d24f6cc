//! What the client takes for an answer, and how long it waits.

use crate::*;

#[tokio::test]
async fn redirect_is_an_answer_that_is_not_200() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    for (answer, expected) in [(redirect, 302), (none, 204)] {
        let server = Server::start(None, Behaviour::Say(answer)).await;
        let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
        let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Status(status) if status == expected),
            "{error:?}"
        );
        assert_eq!(server.reached(), 1);
    }
}

#[tokio::test]
async fn answer_may_be_as_long_as_the_limit_and_no_longer() {
    for (max, fits) in [(11, true), (10, false)] {
        let server = Server::start(None, Behaviour::Say(JSON)).await;
        let policy = EgressPolicy {
            response_bytes_max: max,
            ..policy(&["127.0.0.1/32"])
        };
        let answer = egress(policy, AT_LOOPBACK)
            .get_json(&server.url("http", NAME))
            .await;
        match answer {
            Ok(body) => assert!(fits && body.len() == 11),
            Err(error) => assert!(!fits && matches!(error, EgressError::TooLarge(10)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn endless_answer_is_cut_while_it_comes() {
    let server = Server::start(None, Behaviour::Flood(ENDLESS)).await;
    let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    let error = egress.get_json(&server.url("http", NAME)).await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge(65_536)), "{error:?}");
}

#[tokio::test]
async fn compressed_answer_stays_as_it_came() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nzzzz";
    let server = Server::start(None, Behaviour::Say(answer)).await;
    let egress = egress(policy(&["127.0.0.1/32"]), AT_LOOPBACK);
    assert_eq!(egress.get_json(&server.url("http", NAME)).await.unwrap(), "zzzz");
}

#[tokio::test]
async fn answer_that_stops_midway_is_given_up() {
    for start in ["", ENDLESS] {
        let server = Server::start(None, Behaviour::Stall(start)).await;
        let policy = EgressPolicy {
            timeout: Duration::from_millis(200),
            ..policy(&["127.0.0.1/32"])
        };
        let error = egress(policy, AT_LOOPBACK)
            .get_json(&server.url("http", NAME))
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Timeout), "{error:?}");
    }
}

#[tokio::test]
async fn request_without_a_turn_is_told_so() {
    let server = Server::start(None, Behaviour::Stall("")).await;
    let policy = EgressPolicy {
        in_flight_max: 1,
        ..policy(&["127.0.0.1/32"])
    };
    let egress = egress(policy, AT_LOOPBACK);
    let url = server.url("http", NAME);
    let mut first = Box::pin(egress.get_json(&url));
    tokio::select! {
        answer = &mut first => panic!("{answer:?}"),
        () = server.requested.notified() => {}
    }
    // Nobody polls the first from here, so that it keeps its turn while the time of the second passes.
    tokio::time::pause();
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Busy), "{error:?}");
    drop(first);
    let error = egress.get_json(&url).await.unwrap_err();
    assert!(
        matches!(error, EgressError::Timeout),
        "a turn that ends is free again: {error:?}"
    );
}
