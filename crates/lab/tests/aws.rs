//! The server that stands in for AWS, as tests get it.

#![cfg(test)]

use restage_lab::aws::Aws;
use std::io::{Read, Write};
use std::net::TcpStream;

fn answers(endpoint: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(endpoint.trim_start_matches("http://")) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /moto-api/data.json HTTP/1.0\r\n\r\n").unwrap();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200")
}

#[test]
fn the_server_answers_and_is_gone_when_dropped() {
    let server = Aws::start().unwrap_or_else(|error| panic!("{error}: {:?}", error.help()));
    let endpoint = server.endpoint();
    assert!(answers(&endpoint));
    drop(server);
    assert!(!answers(&endpoint));
}
