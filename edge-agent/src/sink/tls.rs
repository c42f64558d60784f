//! The TLS of one attempt: made anew out of its files for each, so that a replaced certificate or authority counts from
//! the next attempt on.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};

use crate::config::settings::Tls;

/// The TLS that `tls` asks for, `None` for none. The broker must prove `server_name` where there is one, else the name
/// that is connected to.
///
/// # Errors
/// In words, which name the file that cannot be used.
pub(super) fn client_config(
    tls: &Tls,
    server_name: Option<&ServerName<'static>>,
) -> Result<Option<Arc<ClientConfig>>, String> {
    let Tls::Verified { ca, client, alpn } = tls else {
        return Ok(None);
    };
    let roots = Arc::new(authorities(ca)?);
    let verifier = WebPkiServerVerifier::builder(roots)
        .build()
        .map_err(|e| format!("{}: {e}", ca.display()))?;
    let builder = ClientConfig::builder();
    let builder = match server_name {
        None => builder.with_webpki_verifier(verifier),
        Some(name) => {
            let named = Named {
                name: name.clone(),
                verifier,
            };
            // It verifies all that the other does, for a given name.
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(named))
        }
    };
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|e| format!("{} and {}: {e}", certificate.display(), key.display()))?,
    };
    config.alpn_protocols = alpn.iter().map(|name| name.clone().into_bytes()).collect();
    Ok(Some(Arc::new(config)))
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // A bundle of a system may hold some that nobody can read; the others count.
    let (added, _) = roots.add_parsable_certificates(certificates(path)?);
    if added == 0 {
        return Err(format!(
            "{}: holds no certificate of an authority",
            path.display()
        ));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bad = |e: pem::Error| format!("{}: {e}", path.display());
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let all = all.map_err(bad)?;
    if all.is_empty() {
        return Err(format!("{}: holds no certificate (PEM)", path.display()));
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Verifies a certificate for a name of its own instead of the one that is connected to.
#[derive(Debug)]
struct Named {
    name: ServerName<'static>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _connected_to: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
