//! Whether a URL answers as it should.

use super::short;
use crate::http::reason;
use reqwest::{Client, Response, Url};
use restage_core::provider::Look;
use restage_core::{Code, Result};

/// The greatest part of an answer that is searched for a text, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Asks once; a redirect is an answer like any other.
pub(super) async fn look(client: &Client, url: &str, status: u16, contains: Option<&str>) -> Result<Look> {
    let address = Url::parse(url).map_err(|cause| {
        Code::InvalidFile.error(format!("`{url}` is not a URL")).help("write it as `https://host/path`").because(cause)
    })?;
    let answer = match client.get(address).send().await {
        Ok(answer) => answer,
        Err(error) => return Ok(Look::NotYet(reason(error))),
    };
    let seen = answer.status().as_u16();
    if seen != status {
        return Ok(Look::NotYet(format!("it answers {seen}")));
    }
    let Some(text) = contains else { return Ok(Look::Holds(format!("it answers {seen}"))) };
    match body(answer).await {
        Ok(body) if body.contains(text) => Ok(Look::Holds(format!("it answers {seen} with `{text}`"))),
        Ok(body) => Ok(Look::NotYet(format!("it answers {seen} without `{text}`: {}", short(&body)))),
        Err(error) => Ok(Look::NotYet(reason(error))),
    }
}

async fn body(mut answer: Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= MAX_BODY_BYTES {
            bytes.truncate(MAX_BODY_BYTES);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::page::Page;
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    async fn seen(url: &str, status: u16, contains: Option<&str>) -> Look {
        let client = crate::http::client(Duration::from_millis(500), vec![]).unwrap();
        look(&client, url, status, contains).await.unwrap()
    }

    #[tokio::test]
    async fn status_and_text_must_both_be_right() {
        let page = Page::serving(200, "status: UP").await;
        let url = page.url("/health");
        assert_eq!(seen(&url, 200, Some("UP")).await, Look::Holds("it answers 200 with `UP`".into()));
        assert_eq!(seen(&url, 200, Some("DOWN")).await, Look::NotYet("it answers 200 without `DOWN`: status: UP".into()));
        assert_eq!(seen(&url, 204, None).await, Look::NotYet("it answers 200".into()));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let page = Page::serving(302, "").await;
        assert_eq!(seen(&page.url("/"), 302, None).await, Look::Holds("it answers 302".into()));
        assert_eq!(seen(&page.url("/"), 200, None).await, Look::NotYet("it answers 302".into()));
    }

    #[tokio::test]
    async fn nobody_and_silence_are_not_yet() {
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/?token=s3cret-word", silent.local_addr().unwrap());
        assert!(matches!(seen(&url, 200, None).await, Look::NotYet(why) if !why.contains("s3cret-word")));
        drop(silent);
        assert!(matches!(seen(&url, 200, None).await, Look::NotYet(why) if !why.contains("s3cret-word")));
    }
}
