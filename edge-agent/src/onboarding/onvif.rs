//! ONVIF (Core and Media, ver10): a camera's clock, profiles and stream addresses, over SOAP 1.2 with a WS-Security username token
//! (OASIS, Web Services Security UsernameToken Profile 1.0).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use roxmltree::{Document, Node};
use serde::Serialize;
use sha1::{Digest as _, Sha1};
use ureq::Agent;

use super::{
    login::Login,
    wsdiscovery::{host, text_of},
};

/// A camera has so long to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers are no longer than this.
const LONGEST: u64 = 1 << 20;

/// A profile of a camera, and where its stream is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Profile {
    /// For people.
    pub(super) name: String,
    /// As ONVIF writes it, for instance H264.
    pub(super) codec: Option<String>,
    /// Width and height in pixels.
    pub(super) size: Option<(u32, u32)>,
    /// Pictures a second, at most.
    pub(super) fps: Option<u32>,
    /// RTSP address, without a login.
    pub(super) url: String,
}

/// A camera's services.
pub(super) struct Camera<'l> {
    agent: Agent,
    device: String,
    login: Option<&'l Login>,
    /// Seconds that its clock is ahead of this machine's: tokens are told in its time.
    ahead_s: i64,
}

impl<'l> Camera<'l> {
    /// Of the address of its device service.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) fn new(device: &str, login: Option<&'l Login>) -> Result<Camera<'l>, String> {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        let mut camera = Camera {
            agent: config.build().new_agent(),
            device: device.to_owned(),
            login: None,
            ahead_s: 0,
        };
        // Asked without a login, as the standard has it.
        let device = camera.device.clone();
        let answer = camera.ask(
            &device,
            "<GetSystemDateAndTime xmlns=\"http://www.onvif.org/ver10/device/wsdl\"/>",
        )?;
        camera.ahead_s =
            clock(&answer).map_or(0, |at| at.as_second() - Timestamp::now().as_second());
        camera.login = login;
        Ok(camera)
    }

    /// Its profiles with their streams.
    ///
    /// # Errors
    /// Why it does not tell them: most want a login.
    pub(super) fn profiles(&self) -> Result<Vec<Profile>, String> {
        let capabilities = "<GetCapabilities xmlns=\"http://www.onvif.org/ver10/device/wsdl\"><Category>Media</Category></GetCapabilities>";
        let answer = self.ask(&self.device, capabilities)?;
        let media = Document::parse(&answer).ok().and_then(|document| {
            let media = document
                .descendants()
                .find(|one| one.tag_name().name() == "Media")?;
            text_of(media, "XAddr")
        });
        // One that is behind a router may name an address that is not its own here.
        let media = media.filter(|media| host(media) == host(&self.device));
        let media = media.unwrap_or_else(|| self.device.clone());
        let answer = self.ask(
            &media,
            "<GetProfiles xmlns=\"http://www.onvif.org/ver10/media/wsdl\"/>",
        )?;
        let document = Document::parse(&answer).map_err(|e| e.to_string())?;
        let profiles = document
            .descendants()
            .filter(|one| one.tag_name().name() == "Profiles");
        let mut found = Vec::new();
        for profile in profiles {
            let Some(token) = profile.attribute("token") else {
                continue;
            };
            let url = self.stream(&media, token)?;
            found.push(read(profile, token, url));
        }
        Ok(found)
    }

    fn stream(&self, media: &str, token: &str) -> Result<String, String> {
        let token = escaped(token);
        let answer = self.ask(
            media,
            &format!(
                "<GetStreamUri xmlns=\"http://www.onvif.org/ver10/media/wsdl\"><StreamSetup>\
                 <Stream xmlns=\"http://www.onvif.org/ver10/schema\">RTP-Unicast</Stream>\
                 <Transport xmlns=\"http://www.onvif.org/ver10/schema\"><Protocol>RTSP</Protocol></Transport></StreamSetup>\
                 <ProfileToken>{token}</ProfileToken></GetStreamUri>"
            ),
        )?;
        let document = Document::parse(&answer).map_err(|e| e.to_string())?;
        let url = text_of(document.root(), "Uri").ok_or("it names no stream of a profile")?;
        Ok(super::login::taken_apart(&url).0)
    }

    fn ask(&self, service: &str, body: &str) -> Result<String, String> {
        let header = self
            .login
            .map_or_else(String::new, |login| self.token(login));
        let envelope = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
             <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        );
        let request = self
            .agent
            .post(service)
            .header("Content-Type", "application/soap+xml; charset=utf-8");
        let mut answer = request.send(envelope).map_err(|e| e.to_string())?;
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(LONGEST)
            .read_to_string();
        let text = text.map_err(|e| e.to_string())?;
        if status.is_success() {
            return Ok(text);
        }
        let fault = Document::parse(&text).ok();
        let said = fault.as_ref().and_then(|fault| {
            let reason = fault
                .descendants()
                .find(|one| one.tag_name().name() == "Reason")?;
            text_of(reason, "Text")
        });
        let why = said.unwrap_or_else(|| status.to_string());
        match (status.as_u16(), text.contains("NotAuthorized")) {
            (401 | 403, _) | (_, true) if self.login.is_some() => {
                Err(format!("it refuses the login ({why})"))
            }
            (401 | 403, _) | (_, true) => {
                Err("it wants a login: --user and --password-file".to_owned())
            }
            _ => Err(why),
        }
    }

    /// Digest = Base64(SHA-1(nonce + created + password)).
    fn token(&self, login: &Login) -> String {
        let nonce: [u8; 16] = rand::random();
        let created =
            Timestamp::from_second(Timestamp::now().as_second() + self.ahead_s).unwrap_or_default();
        let created = created.to_string();
        let mut hash = Sha1::new();
        hash.update(nonce);
        hash.update(created.as_bytes());
        hash.update(login.password.reveal().as_bytes());
        let (user, digest, nonce) = (
            escaped(&login.user),
            STANDARD.encode(hash.finalize()),
            STANDARD.encode(nonce),
        );
        format!(
            "<Security s:mustUnderstand=\"1\" xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">\
             <UsernameToken><Username>{user}</Username>\
             <Password Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest\">{digest}</Password>\
             <Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary\">{nonce}</Nonce>\
             <Created xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">{created}</Created>\
             </UsernameToken></Security>"
        )
    }
}

fn read(profile: Node<'_, '_>, token: &str, url: String) -> Profile {
    let encoder = profile
        .descendants()
        .find(|one| one.tag_name().name() == "VideoEncoderConfiguration");
    let number = |name: &str| {
        text_of(encoder?, name)?
            .parse::<f64>()
            .ok()
            .map(|number| number as u32)
    };
    Profile {
        name: text_of(profile, "Name").unwrap_or_else(|| token.to_owned()),
        codec: encoder.and_then(|encoder| text_of(encoder, "Encoding")),
        size: number("Width").zip(number("Height")),
        fps: number("FrameRateLimit"),
        url,
    }
}

/// What a camera takes for the time, UTC.
fn clock(answer: &str) -> Option<Timestamp> {
    let document = Document::parse(answer).ok()?;
    let utc = document
        .descendants()
        .find(|one| one.tag_name().name() == "UTCDateTime")?;
    let number = |name: &str| text_of(utc, name)?.parse::<i16>().ok();
    let small = |name: &str| i8::try_from(number(name)?).ok();
    let date = jiff::civil::DateTime::new(
        number("Year")?,
        small("Month")?,
        small("Day")?,
        small("Hour")?,
        small("Minute")?,
        small("Second")?,
        0,
    );
    Some(
        date.ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp(),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
