//! SIGTERM to the real binary: requests under way are answered, nobody new is let in, the exit code is 0.

use std::time::Duration;

use authly_testkit::process::ServerProcess;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::spawn_blocking,
    time::timeout,
};

const FORM: &str = "grant_type=client_credentials&client_id=nobody&client_secret=none";
/// Far beyond what a stop takes, and below `server.drain_timeout`, after which the request would be cut.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_the_request_under_way_and_exits_with_0() {
    let mut server = ServerProcess::prepare(
        None,
        "\n[server]\nbody_timeout = \"60s\"\nrequest_timeout = \"60s\"\n",
    );
    server.start();
    let address = server.url.strip_prefix("http://").expect("http").to_owned();

    let mut idle = TcpStream::connect(&address).await.expect("a connection");
    let mut busy = TcpStream::connect(&address).await.expect("a connection");
    let (first_half, second_half) = FORM.split_at(FORM.len() / 2);
    // The server says `100 Continue` once a handler's policy reads the body: the request is under way then.
    let head = format!(
        "POST /api/v1/oauth/token HTTP/1.1\r\nHost: {address}\r\nExpect: 100-continue\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        FORM.len()
    );
    busy.write_all(head.as_bytes()).await.expect("a request head");
    let mut go_on = [0; 25];
    busy.read_exact(&mut go_on).await.expect("100 Continue");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    busy.write_all(first_half.as_bytes()).await.expect("half a body");

    let stopping = spawn_blocking(move || server.terminate());
    // An idle connection is ended at once; by then the listener is closed.
    let mut nothing = Vec::new();
    let ended = timeout(PATIENCE, idle.read_to_end(&mut nothing)).await;
    assert!(ended.is_ok() && nothing.is_empty(), "an idle connection is ended");
    assert!(
        TcpStream::connect(&address).await.is_err(),
        "a stopping server lets nobody in"
    );
    assert!(!stopping.is_finished(), "it waits for the request under way");

    busy.write_all(second_half.as_bytes())
        .await
        .expect("the other half");
    let mut answer = String::new();
    timeout(PATIENCE, busy.read_to_string(&mut answer))
        .await
        .expect("an answer in time")
        .expect("a whole answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("\"error\":\"invalid_client\""), "{answer}");
    let exit_code = timeout(PATIENCE, stopping).await.expect("an end in time");
    assert_eq!(exit_code.expect("a wait"), Some(0));
}
