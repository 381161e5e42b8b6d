//! The status of a text message, and how reports change it.

use crate::domain::text_enum;

text_enum! {
    /// Status of a text message.
    MessageStatus {
        /// Inbound: the text has arrived.
        Received = "received",
        /// Outbound: stored, and not yet taken by the carrier.
        Pending = "pending",
        /// The carrier has it.
        Queued = "queued",
        /// The carrier hands it to the network.
        Sending = "sending",
        /// The network has it. Not every network confirms the delivery, so this is often the last report.
        Sent = "sent",
        /// The network or the handset confirmed the delivery.
        Delivered = "delivered",
        /// The network reported that it could not be delivered.
        Undelivered = "undelivered",
        /// It was never handed to the network.
        Failed = "failed",
        /// Canceled before it was sent.
        Canceled = "canceled",
    }
}

impl MessageStatus {
    /// How far a text has come. Reports arrive out of order and more than once; a higher rank replaces a lower one.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Pending => 0,
            Self::Queued => 1,
            Self::Sending => 2,
            Self::Sent => 3,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled => 4,
        }
    }

    /// Whether no report changes it any more. `Sent` is not final: a confirmation may follow, or never come.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Received | Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled)
    }

    /// The status after a report. It never goes back, and the first final status stays.
    #[must_use]
    pub const fn after(self, report: Self) -> Self {
        if !self.is_final() && report.rank() > self.rank() { report } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::MessageStatus::{
        self, Canceled, Delivered, Failed, Pending, Queued, Received, Sending, Sent, Undelivered,
    };

    #[test]
    fn reports_in_any_order_and_number_end_with_the_furthest() {
        for (from, reports, last) in [
            (Pending, &[Queued, Sending, Sent, Delivered][..], Delivered),
            (Pending, &[Delivered, Queued], Delivered),
            (Queued, &[Sent, Sending, Sent], Sent),
            (Queued, &[Undelivered, Sent, Undelivered], Undelivered),
            (Sent, &[Undelivered], Undelivered),
            // Illegal by the carrier's documentation, and yet the worse news.
            (Sent, &[Failed], Failed),
            (Sending, &[Failed, Sent, Delivered], Failed),
            (Queued, &[Canceled, Queued], Canceled),
            // An inbound text, and a report that is none for an outbound one.
            (Received, &[Queued, Failed], Received),
            (Pending, &[Received], Pending),
        ] {
            let shown = reports.iter().fold(from, |status, report| status.after(*report));
            assert_eq!(shown, last, "{from}: {reports:?}");
        }
    }

    #[test]
    fn a_final_status_stays_and_no_status_goes_back() {
        for from in MessageStatus::ALL {
            for report in MessageStatus::ALL {
                let after = from.after(*report);
                assert!(after.rank() >= from.rank(), "{from}: {report}");
                assert!(!from.is_final() || after == *from, "{from}: {report}");
            }
        }
    }
}
