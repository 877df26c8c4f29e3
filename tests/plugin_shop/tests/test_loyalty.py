from segrules_loyalty import LoyaltyEvent

from segrules.testing import parity_suite

TestLoyaltyEvent = parity_suite(LoyaltyEvent)
