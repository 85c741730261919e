//! Whether a port accepts connections.

use super::LOOK_LIMIT;
use restage_core::provider::Look;
use restage_core::scenario::wait_for::TcpAddress;
use tokio::net::TcpStream;

/// Connects once and hangs up.
pub(super) async fn look(address: &TcpAddress) -> Look {
    let TcpAddress { host, port } = address;
    match tokio::time::timeout(LOOK_LIMIT, TcpStream::connect((host.as_str(), *port))).await {
        Ok(Ok(_)) => Look::Holds(format!("{host}:{port} accepts connections")),
        Ok(Err(error)) => Look::NotYet(error.to_string()),
        Err(_) => Look::NotYet(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_is_seen_open_and_closed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = TcpAddress { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        assert!(matches!(look(&address).await, Look::Holds(_)));
        drop(listener);
        assert!(matches!(look(&address).await, Look::NotYet(_)));
    }
}
