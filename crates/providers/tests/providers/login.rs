//! Servers that cannot be reached, or refuse.

use crate::site::{PASSWORD, Site, named, run_id, whole};
use restage_core::Code;
use restage_core::environment::{Endpoint, SecretRef};
use restage_core::provider::Databases;
use restage_lab::Major;
use restage_providers::postgres::Caller;
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it_and_fetched_anew_the_next_time() {
    let site = Site::start(Major::V15);
    site.role("app", "");
    site.set_password("app", "wrong-secret-word");
    let servers = site.servers();
    let address = site.address("postgres", "app");
    let refused = servers.read(&address).await.map(drop).unwrap_err();
    assert_eq!((refused.code, refused.retry), (Code::LoginRefused, false));
    assert!(refused.help.is_some());
    assert!(!whole(&refused).contains("wrong-secret-word"), "{}", whole(&refused));
    site.set_password("app", PASSWORD);
    servers.read(&address).await.map(drop).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_port_and_a_missing_database_and_secret_are_told_apart() {
    let site = Site::start(Major::V15);
    let (postgres, run) = (site.postgres(), run_id("0000000001"));
    let good = site.address("app", "postgres");
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let closed = restage_core::environment::DatabaseAddress {
        endpoint: Endpoint::Tcp { host: "127.0.0.1".into(), port: free },
        ..good.clone()
    };
    let error = postgres.find_own(&closed, &run).await.unwrap_err();
    assert_eq!((error.code, error.retry), (Code::CannotConnect, true));
    assert!(error.message.contains(&free.to_string()) && error.help.is_some(), "{}", error.message);

    let error = site.servers().write(&good.named(named("nowhere")), &Caller::run(&run)).await.map(drop).unwrap_err();
    assert_eq!((error.code, error.retry), (Code::CannotConnect, false));
    assert!(error.message.contains("nowhere"), "{}", error.message);

    let mut unknown = good;
    unknown.password = Some(SecretRef::Env("NOT_SET".into()));
    let error = postgres.find_own(&unknown, &run).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (Code::SecretUnavailable, "the secret `env: NOT_SET` is not set"));
}
