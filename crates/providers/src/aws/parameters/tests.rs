use super::*;
use crate::probes::page::Page;
use restage_core::environment::{AwsEndpoint, AwsRegion};

fn place(endpoint: &str) -> AwsPlace {
    let endpoint = AwsEndpoint::parse(endpoint.trim_end_matches('/')).unwrap();
    AwsPlace { region: Some(AwsRegion::parse("us-east-1").unwrap()), endpoint: Some(endpoint) }
}

fn parameters() -> Parameters {
    let aws = Aws::with_keys("AKIAIOSFODNN7EXAMPLE", &SecretString::from("a-secret-key"));
    Parameters::new(aws, Secrets::with_variables(|_| None))
}

fn below(path: &str) -> Wanted {
    Wanted::Below(ParameterPath::parse(path).unwrap())
}

fn named(name: &str) -> Wanted {
    Wanted::Name(ParameterName::parse(name).unwrap())
}

#[tokio::test]
async fn everything_that_is_forbidden_is_named_with_what_aws_says() {
    let body = r#"{"__type":"AccessDeniedException","Message":"not authorized to perform: ssm:GetParametersByPath"}"#;
    let page = Page::serving(400, body).await;
    let wanted = [below("/app/test/pipeline"), named("/app/test/version")];
    let Err(errors) = parameters().resolve(&place(&page.url("")), &wanted).await else { panic!("it is forbidden") };
    let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        said,
        ["the parameters below `/app/test/pipeline` may not be read", "the parameter `/app/test/version` may not be read"]
    );
    assert!(errors.iter().all(|error| error.code == Code::ParameterForbidden && !error.retry));
    assert!(std::error::Error::source(&errors[0]).unwrap().to_string().contains("ssm:GetParametersByPath"));
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_about_the_parameter() {
    let page = Page::serving(400, r#"{"__type":"InvalidKeyId","message":"the key is disabled"}"#).await;
    let Err(errors) = parameters().resolve(&place(&page.url("")), &[named("/app/test/password")]).await else { panic!("no key") };
    assert_eq!(
        (errors[0].code, errors[0].message.as_str()),
        (Code::ParameterForbidden, "the parameter `/app/test/password` cannot be read")
    );
    assert!(std::error::Error::source(&errors[0]).unwrap().to_string().contains("the key is disabled"));
}

#[tokio::test]
async fn a_session_that_has_expired_is_not_the_parameters_fault() {
    let page = Page::serving(400, r#"{"__type":"ExpiredTokenException","message":"expired"}"#).await;
    let Err(error) = parameters().read(&place(&page.url("")), &ParameterName::parse("/v").unwrap()).await else {
        panic!("expired")
    };
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::AwsRefused, "AWS does not know who asks: cannot read the parameter `/v`")
    );
}

#[tokio::test]
async fn silence_is_told_as_silence_and_may_pass() {
    // Nothing listens on a port that was bound and let go.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = place(&format!("http://127.0.0.1:{port}"));
    let Err(error) = parameters().read(&place, &ParameterName::parse("/v").unwrap()).await else { panic!("nobody is there") };
    assert_eq!((error.code, error.retry), (Code::CannotConnect, true));
    assert!(!format!("{error:?}").contains("a-secret-key"));
}
