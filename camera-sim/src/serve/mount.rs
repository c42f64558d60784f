//! A camera's place on the RTSP server: who may watch, and the pipeline that each client gets.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use gstreamer as gst;
use gstreamer::{glib::translate::IntoGlib, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_rtsp as gst_rtsp;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::prelude::*;

use super::{Credentials, camera::Viewer, clip::Codec, pump::Street};

/// Sender reports come about this often; the first one within half of it. Cameras send them every 1 to 5 s.
const REPORT_INTERVAL: gst::ClockTime = gst::ClockTime::SECOND;
/// Role of a client that has not said who it is.
const ANYONE: &str = "anyone";

/// A factory that gives each client a pipeline of its own, fed by camera `index` of `street`.
pub(crate) fn factory(
    street: &Arc<Street>,
    index: usize,
    codec: Codec,
    caps: &gst::Caps,
    credentials: Option<&Credentials>,
) -> gst_rtsp_server::RTSPMediaFactory {
    let factory = gst_rtsp_server::RTSPMediaFactory::new();
    factory.set_launch(&format!(
        "( appsrc name=camera is-live=true format=time do-timestamp=false block=false max-bytes=0 ! \
         {} name=pay0 pt=96 )",
        codec.payloader()
    ));
    // One pipeline a client, so that each joins at a key frame.
    factory.set_shared(false);
    factory.set_latency(0);
    factory.set_protocols(gst_rtsp::RTSPLowerTrans::UDP | gst_rtsp::RTSPLowerTrans::TCP);
    factory.set_publish_clock_mode(gst_rtsp_server::RTSPPublishClockMode::None);
    permit(&factory, credentials);
    let (street, caps) = (Arc::downgrade(street), caps.clone());
    factory.connect_media_configure(move |_, media| {
        if let Some(street) = street.upgrade() {
            configure(&street, index, &caps, media);
        }
    });
    factory
}

/// Anyone may learn that the mount is there; only the owner of the credentials may watch. A client without them is
/// answered 401 that way, and not 404.
fn permit(factory: &gst_rtsp_server::RTSPMediaFactory, credentials: Option<&Credentials>) {
    let role = |name: &str, watch: bool| {
        gst::Structure::builder(name)
            .field("media.factory.access", true)
            .field("media.factory.construct", watch)
            .build()
    };
    factory.add_role_from_structure(&role(ANYONE, credentials.is_none()));
    if let Some(credentials) = credentials {
        factory.add_role_from_structure(&role(&role_of(&credentials.user), true));
    }
}

/// A structure's name must begin with a letter and hold no odd characters, a user's name may be anything.
fn role_of(user: &str) -> String {
    let hex: String = user.bytes().map(|b| format!("{b:02x}")).collect();
    format!("user-{hex}")
}

/// Digest authentication for all users of a server.
pub(crate) fn auth<'a>(
    credentials: impl Iterator<Item = &'a Credentials>,
) -> gst_rtsp_server::RTSPAuth {
    let token = |role: &str| {
        gst_rtsp_server::RTSPToken::builder()
            .field(
                gst_rtsp_server::RTSP_TOKEN_MEDIA_FACTORY_ROLE.as_str(),
                role,
            )
            .build()
    };
    let auth = gst_rtsp_server::RTSPAuth::new();
    auth.set_supported_methods(gst_rtsp::RTSPAuthMethod::Digest);
    auth.set_realm(Some("camera-sim"));
    auth.set_default_token(Some(&mut token(ANYONE)));
    for Credentials { user, password } in credentials {
        auth.add_digest(user, password.reveal(), &token(&role_of(user)));
    }
    auth
}

/// Sets up one client's pipeline and lets the camera feed it.
fn configure(
    street: &Arc<Street>,
    index: usize,
    caps: &gst::Caps,
    media: &gst_rtsp_server::RTSPMedia,
) {
    static NEXT_VIEWER: AtomicU64 = AtomicU64::new(0);
    let element = media.element();
    let source = element
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("camera"))
        .and_downcast::<gst_app::AppSrc>();
    let pipeline = element.parent().and_downcast::<gst::Pipeline>();
    let (Some(source), Some(pipeline)) = (source, pipeline) else {
        tracing::error!("rtsp media without a pipeline or a source");
        return;
    };
    use_absolute_time(&pipeline, street.clock());
    report_capture_time(&pipeline);
    source.set_caps(Some(caps));

    let id = NEXT_VIEWER.fetch_add(1, Ordering::Relaxed);
    let ready = {
        let (street, asked) = (Arc::downgrade(street), AtomicBool::new(false));
        move |_: &gst_app::AppSrc, _: u32| {
            if let Some(street) = street.upgrade()
                && !asked.swap(true, Ordering::Relaxed)
            {
                street.change(index, |camera, _| camera.viewer_ready(id, street.now()));
            }
        }
    };
    source.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(ready).build());
    street.change(index, |camera, _| {
        camera.add_viewer(Viewer {
            id,
            source,
            joined: false,
        });
    });
    follow(street, index, id, media);
}

/// Playing starts the camera where that was asked for; the end of the pipeline ends the viewer.
fn follow(street: &Arc<Street>, index: usize, id: u64, media: &gst_rtsp_server::RTSPMedia) {
    let playing = Arc::downgrade(street);
    media.connect_new_state(move |_, state| {
        if state == gst::State::Playing.into_glib()
            && let Some(street) = playing.upgrade()
        {
            street.change(index, |camera, truth| camera.start(street.now(), truth));
        }
    });
    let left = Arc::downgrade(street);
    media.connect_unprepared(move |_| {
        if let Some(street) = left.upgrade() {
            street.change(index, |camera, _| camera.remove_viewer(id));
        }
    });
}

/// Base time 0 on the system clock: time stamps of all pipelines are absolute and mean the same.
fn use_absolute_time(pipeline: &gst::Pipeline, clock: &gst::Clock) {
    pipeline.use_clock(Some(clock));
    pipeline.set_start_time(gst::ClockTime::NONE);
    pipeline.set_base_time(gst::ClockTime::ZERO);
}

/// Sender reports relate RTP time to the time of capture, not of sending. The server makes its rtpbin later, and that
/// makes its sessions later still.
fn report_capture_time(pipeline: &gst::Pipeline) {
    let made_by = |element: &gst::Element, name: &str| {
        element
            .factory()
            .is_some_and(|factory| factory.name() == name)
    };
    pipeline.connect_element_added(move |_, element| {
        let Some(rtpbin) = element
            .downcast_ref::<gst::Bin>()
            .filter(|_| made_by(element, "rtpbin"))
        else {
            return;
        };
        rtpbin.set_property("rtcp-sync-send-time", false);
        rtpbin.connect_element_added(move |_, element| {
            if made_by(element, "rtpsession") {
                element
                    .property::<gst::glib::Object>("internal-session")
                    .set_property("rtcp-min-interval", REPORT_INTERVAL.nseconds());
            }
        });
    });
}
