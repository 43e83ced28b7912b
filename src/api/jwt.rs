//! Tokens of service accounts: they say what real ones say, and are signed by nobody.

use serde_json::{Value, json};

use super::manifest::{base64_decode, base64_encode};
use super::sha256;

/// Who makes tokens, and for whom one is that names nobody.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Who made the tokens that are kept in Secrets.
pub const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
/// A signature of 2,048 bits is so many hashes of 256.
const SIGNATURE_HASHES: u32 = 8;

/// Claims, as JSON, as a JSON Web Token.
pub fn token(claims: &str) -> String {
    let web = |bytes: &[u8]| base64_encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_");
    let key = sha256::hex(ISSUER.as_bytes());
    let header = json!({"alg": "RS256", "kid": web(key.as_bytes())}).to_string();
    let said = format!("{}.{}", web(header.as_bytes()), web(claims.as_bytes()));
    let signature: Vec<u8> = (0..SIGNATURE_HASHES)
        .flat_map(|number| {
            let digits = sha256::hex(format!("{number}.{said}").as_bytes()).into_bytes();
            let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or_default() as u8;
            digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect::<Vec<u8>>()
        })
        .collect();
    format!("{said}.{}", web(&signature))
}

/// The token of a service account that a Secret keeps (`LegacyClaims`): it has no end but the Secret's.
pub fn of_secret(namespace: &str, secret: &str, account: (&str, &str)) -> String {
    let (name, uid) = account;
    let claims = json!({
        "iss": LEGACY_ISSUER,
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    token(&claims.to_string())
}

/// What a JSON Web Token says.
pub fn claims(token: &str) -> Option<Value> {
    let said = token.split('.').nth(1)?.replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - said.len() % 4) % 4);
    let bytes = base64_decode(&(said + &padding)).ok()?;
    serde_json::from_slice(&bytes).ok()
}
