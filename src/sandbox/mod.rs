//! Twilio and ElevenLabs, emulated over HTTP.
