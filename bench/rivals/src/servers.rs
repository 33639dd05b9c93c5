//! Child processes that end with us, and the five Redis servers among them.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a server may take to accept connections; its start takes some 10 ms.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at whether it does.
const START_POLL: Duration = Duration::from_millis(10);

/// A process that is killed and reaped when this is dropped, also on an error.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on just now. Another process may take it first: then the server says so and we fail.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until something accepts connections on a port.
pub fn wait_for(port: u16) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if began.elapsed() > START_LIMIT {
            bail!("nothing listens on port {port} after {START_LIMIT:?}");
        }
        thread::sleep(START_POLL);
    }
    Ok(())
}

/// Runs a command while five Redis servers run, and fails if it fails.
pub fn with_servers(command: &str, arguments: &[&str]) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut ports = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..5 {
        let port = free_port()?;
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(scratch.path())
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server does not start; `make tools` installs it")?;
        servers.push(Ended(server));
        wait_for(port)?;
        ports.push(port.to_string());
    }
    let pids: Vec<String> = servers.iter().map(|server| server.0.id().to_string()).collect();
    let status = Command::new(command)
        .args(arguments)
        .env("BENCH_PORTS", ports.join(","))
        .env("BENCH_PIDS", pids.join(","))
        .status()
        .with_context(|| format!("{command} does not start"))?;
    if !status.success() {
        bail!("{command}: {status}");
    }
    Ok(())
}
