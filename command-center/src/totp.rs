//! One-time codes by the clock (RFC 6238: SHA-1, six digits, 30 s): a second proof besides the password.

use protocol::Utc;
use totp_rs::{Builder, Secret, Totp};

/// What an authenticator shows beside the user's name.
const ISSUER: &str = "Safe City Edge";

/// A new secret, in base32.
pub fn new_secret() -> String {
    Secret::generate().to_base32()
}

/// The address that an authenticator takes the secret from; nothing if it is none.
pub fn address(secret: &str, user: &str) -> Option<String> {
    of(secret, user)?.to_url().ok()
}

/// The step of time that `code` belongs to, if it is that of now, of the one before, or of the one after.
pub fn step(secret: &str, code: &str, now: Utc) -> Option<u64> {
    let seconds = u64::try_from(now.as_second()).ok()?;
    of(secret, "user")?.check(code.trim(), seconds)
}

fn of(secret: &str, user: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    // A colon parts the issuer from the name.
    let user = user.replace(':', " ");
    let builder = Builder::new().with_secret(secret).with_skew(1);
    let builder = builder.with_account_name(user).with_issuer(Some(ISSUER));
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B, of which the last six digits of eight count.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(second: i64) -> Utc {
        Utc::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        assert_eq!(step(SECRET, "287082", at(59)), Some(1));
        assert_eq!(step(SECRET, "081804", at(1_111_111_109)), Some(37_037_036));
        assert_eq!(step(SECRET, "005924", at(1_234_567_890)), Some(41_152_263));
    }

    #[test]
    fn a_code_lives_for_a_step_more_on_both_sides() {
        assert_eq!(step(SECRET, "287082", at(0)), Some(1));
        assert_eq!(step(SECRET, " 287082 ", at(89)), Some(1));
        assert_eq!(step(SECRET, "287082", at(90)), None);
        assert_eq!(step(SECRET, "287083", at(59)), None);
        assert_eq!(step(SECRET, "", at(59)), None);
        assert_eq!(step("not base32!", "287082", at(59)), None);
    }

    #[test]
    fn an_authenticator_is_told_who_it_is_for() {
        let secret = new_secret();
        assert_ne!(secret, new_secret());
        let address = address(&secret, "Control: desk").unwrap();
        assert!(
            address.starts_with("otpauth://totp/Safe%20City%20Edge:"),
            "{address}"
        );
        assert!(address.contains(&secret), "{address}");
    }
}
