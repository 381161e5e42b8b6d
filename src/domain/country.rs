//! Countries (ISO 3166-1 alpha-2) and area codes of the North American Numbering Plan.

use std::fmt;
use std::str::FromStr;

use super::{Invalid, NumberType};

/// The officially assigned codes of ISO 3166-1 alpha-2.
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS \
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM \
US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// An ISO 3166-1 alpha-2 country code, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The United States, the default country of a number to buy.
    pub const US: Self = Self(*b"US");

    /// Canada: beside the United States the only country with a search by area code.
    pub const CANADA: Self = Self(*b"CA");

    /// The two letters, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both bytes are ASCII letters, so the default is never returned.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country of a North American area code; `None` for non-geographic and unknown codes.
    pub(super) fn of_area_code(code: &str) -> Option<Self> {
        match code.parse::<AreaCode>().ok()?.belongs()? {
            Belongs::To(country) => Some(country),
            Belongs::TollFree | Belongs::Nowhere => None,
        }
    }

    /// Whether numbers can be searched by three-digit area code. Twilio offers that in the US and Canada only.
    #[must_use]
    pub fn has_area_codes(self) -> bool {
        matches!(self, Self::US | Self::CANADA)
    }

    /// Checks an area code for a search of numbers of this type in this country.
    ///
    /// # Errors
    /// The code is malformed, belongs to another country, or has no numbers of this type. The carrier would only
    /// return an empty list.
    pub fn area_code(self, kind: NumberType, code: &str) -> Result<AreaCode, Invalid> {
        let code: AreaCode = code.parse()?;
        let is_toll_free = kind == NumberType::TollFree;
        let why = match code.belongs() {
            // The code may be newer than the tables. If it does not exist, the search finds nothing.
            None => return Ok(code),
            Some(Belongs::TollFree) if is_toll_free => return Ok(code),
            Some(Belongs::TollFree) => {
                format!(
                    "area code {code} is toll-free: use a geographic area code, or search TOLL_FREE numbers"
                )
            }
            Some(Belongs::Nowhere) => format!("area code {code} has no numbers for sale: use another one"),
            // A carrier searches toll-free numbers by their own codes; a geographic one would find nothing.
            Some(Belongs::To(_)) if is_toll_free => {
                format!("area code {code} has no toll-free numbers: use one of {TOLL_FREE}")
            }
            Some(Belongs::To(country)) if country == self => return Ok(code),
            Some(Belongs::To(country)) if country.has_area_codes() => {
                format!(
                    "area code {code} belongs to {country}: set country to {country}, or use an area code of {self}"
                )
            }
            Some(Belongs::To(country)) => format!(
                "area code {code} belongs to {country}, where numbers cannot be searched by area code: use one of {self}"
            ),
        };
        Err(Invalid(why))
    }
}

/// The use of a North American area code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belongs {
    To(CountryCode),
    TollFree,
    /// Services and personal numbers: no numbers are for sale.
    Nowhere,
}

/// Area codes of toll-free numbers.
const TOLL_FREE: &str = "800 833 844 855 866 877 888";

/// Area codes without numbers for sale: short services (`911`), personal, data and government numbers, premium rate.
const NOWHERE: &str = "211 311 411 456 500 511 521 522 523 524 525 526 527 528 529 532 533 535 538 542 543 544 545 546 547 549 \
 550 552 553 554 556 566 569 577 578 588 589 600 611 622 633 644 655 677 688 700 710 711 811 900 911";

/// Geographic area codes of the North American plan by country. A code in no table is accepted: it may be newer than these tables.
const AREA_CODES: [(&str, &str); 20] = [
    (
        "US",
        "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 234 \
         235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 305 307 \
         308 309 310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 336 337 339 \
         341 346 347 350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408 409 410 412 413 \
         414 415 417 419 423 424 425 430 432 434 435 436 440 442 443 445 447 448 457 458 463 464 469 470 471 472 \
         475 478 479 480 483 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 534 539 \
         540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603 605 606 607 \
         608 609 610 612 614 615 616 617 618 619 620 621 623 624 626 628 629 630 631 636 640 641 645 646 650 651 \
         656 657 659 660 661 662 667 669 678 680 681 682 686 689 701 702 703 704 706 707 708 712 713 714 715 716 \
         717 718 719 720 724 725 726 727 728 729 730 731 732 734 737 738 740 743 747 748 754 757 760 762 763 765 \
         769 770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818 \
         820 821 826 828 830 831 832 835 837 838 839 840 843 845 847 848 850 854 856 857 858 859 860 861 862 863 \
         864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 924 925 928 929 \
         930 931 934 936 937 938 940 941 943 945 947 948 949 951 952 954 956 957 959 970 971 972 973 975 978 979 \
         980 983 984 985 986 989",
    ),
    (
        "CA",
        "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 514 519 \
         548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942",
    ),
    ("AG", "268"),
    ("AI", "264"),
    ("BB", "246"),
    ("BM", "441"),
    ("BS", "242"),
    ("DM", "767"),
    ("DO", "809 829 849"),
    ("GD", "473"),
    ("JM", "658 876"),
    ("KN", "869"),
    ("KY", "345"),
    ("LC", "758"),
    ("MS", "664"),
    ("SX", "721"),
    ("TC", "649"),
    ("TT", "868"),
    ("VC", "784"),
    ("VG", "284"),
];

impl FromStr for CountryCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || {
            Invalid::new(
                "a country must be an ISO 3166-1 alpha-2 code in upper case, such as \"US\" or \"GB\"",
            )
        };
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| unknown())?;
        // A search in one string: this runs for every row that is read.
        let (codes, last) = ASSIGNED.as_bytes().as_chunks::<3>();
        let found = codes.binary_search_by(|[first, second, _]| [*first, *second].cmp(&code)).is_ok();
        if found || code == *last { Ok(Self(code)) } else { Err(unknown()) }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A three-digit area code of the North American Numbering Plan: `212`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AreaCode(String);

impl AreaCode {
    /// The three digits, the first of them 2 to 9.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn belongs(&self) -> Option<Belongs> {
        let is_among = |codes: &str| codes.split(' ').any(|code| code == self.0);
        if is_among(TOLL_FREE) {
            return Some(Belongs::TollFree);
        }
        if is_among(NOWHERE) {
            return Some(Belongs::Nowhere);
        }
        let (country, _) = AREA_CODES.iter().find(|(_, codes)| is_among(codes))?;
        country.parse().ok().map(Belongs::To)
    }
}

impl FromStr for AreaCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let well_formed = text.len() == 3
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.bytes().next().is_some_and(|b| b >= b'2');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("an area code must be three digits, the first of them 2 to 9, such as \"212\""))
        }
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_countries_and_possible_area_codes() {
        assert_eq!("US".parse(), Ok(CountryCode::US));
        for bad in ["us", "UK", "ZZ", "USA", "", "U", "S U"] {
            assert!(bad.parse::<CountryCode>().is_err(), "{bad}");
        }
        assert!("212".parse::<AreaCode>().is_ok());
        let tables = AREA_CODES.iter().map(|(_, codes)| codes).chain([&TOLL_FREE, &NOWHERE]);
        let all: Vec<_> = tables.flat_map(|codes| codes.split(' ')).collect();
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "one meaning each");
        for code in all {
            assert!(code.parse::<AreaCode>().unwrap().belongs().is_some(), "{code}");
        }
    }

    #[test]
    fn an_area_code_without_such_numbers_is_refused_with_what_it_is_for() {
        use NumberType::{Local, TollFree};
        let code =
            |country: &str, kind, code: &str| country.parse::<CountryCode>().unwrap().area_code(kind, code);
        for (country, kind, good) in [
            ("US", Local, "212"),
            ("CA", Local, "416"),
            ("US", TollFree, "888"),
            ("CA", TollFree, "800"),
            ("US", Local, "787"),
            ("US", Local, "988"),
            ("CA", Local, "988"),
        ] {
            assert!(code(country, kind, good).is_ok(), "{country} {good}");
        }
        for (country, kind, bad, words) in [
            ("US", Local, "416", "416 belongs to CA: set country to CA"),
            ("CA", Local, "212", "212 belongs to US: set country to US"),
            ("CA", Local, "876", "belongs to JM, where"),
            ("US", Local, "800", "800 is toll-free"),
            ("CA", Local, "888", "888 is toll-free"),
            ("US", TollFree, "212", "has no toll-free numbers: use one of 800 833"),
            ("US", Local, "710", "area code 710 has no numbers for sale"),
            ("CA", Local, "600", "area code 600 has no numbers for sale"),
            ("US", TollFree, "911", "area code 911 has no numbers for sale"),
            ("US", Local, "41", "three digits"),
        ] {
            let why = code(country, kind, bad).unwrap_err().0;
            assert!(why.contains(words), "{country} {bad}: {why}");
        }
    }

    #[test]
    fn area_codes_are_three_digits() {
        for bad in ["21", "2122", "abc", "112", "", "٢١٢"] {
            assert!(bad.parse::<AreaCode>().is_err(), "{bad}");
        }
    }
}
