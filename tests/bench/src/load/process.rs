//! The generator as a process: the order on its standard input, what came of it on its standard output.

use std::{
    io::Read as _,
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{
    engine,
    spec::{Measured, Spec},
};

/// What the generator is started with.
pub const COMMAND: &str = "load";

/// How long after its own last deadline the generator is killed.
const GIVEN_UP: Duration = Duration::from_mins(1);

/// Has a generator run `spec`.
///
/// # Errors
/// When it cannot be started, does not end, or says that the server is gone.
pub async fn run(spec: &Spec) -> Result<Measured> {
    let mut generator = Command::new(std::env::current_exe()?)
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the load generator")?;
    let mut stdin = generator.stdin.take().context("piped")?;
    let deadline = spec.warm_up + spec.measured + GIVEN_UP;
    let talk = async {
        stdin.write_all(&serde_json::to_vec(spec)?).await?;
        drop(stdin);
        anyhow::Ok(generator.wait_with_output().await?)
    };
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::time::timeout(deadline, talk)
        .await
        .context("the load generator does not end")??;
    ensure!(status.success(), "{}", String::from_utf8_lossy(&stderr).trim());
    serde_json::from_slice(&stdout).context("the load generator said no JSON")
}

/// Is the generator.
///
/// # Errors
/// As [`run`].
pub async fn serve() -> Result<()> {
    let mut order = Vec::new();
    std::io::stdin().read_to_end(&mut order)?;
    let spec: Spec = serde_json::from_slice(&order).context("the order is no JSON")?;
    drop(order);
    println!("{}", serde_json::to_string(&engine::run(spec).await?)?);
    Ok(())
}
