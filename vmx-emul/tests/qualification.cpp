// Exit qualifications (SDM 3C 28.2.1, tables 28-3, 28-5, 28-7).
#include <gtest/gtest.h>

#include <vmx/qualification.hpp>

namespace kurma::vmx {
namespace {

TEST(CrAccessQualification, reads_a_move_to_cr4_from_r9) {
    constexpr CrAccessQualification q{0x904};
    EXPECT_EQ(q.control_register(), 4u);
    EXPECT_EQ(q.kind(), CrAccessQualification::Kind::mov_to_cr);
    EXPECT_EQ(q.gpr(), 9u);
}

TEST(CrAccessQualification, tells_the_four_kinds_apart) {
    using Kind = CrAccessQualification::Kind;
    EXPECT_EQ(CrAccessQualification{0x13}.kind(), Kind::mov_from_cr);
    EXPECT_EQ(CrAccessQualification{0x20}.kind(), Kind::clts);
    EXPECT_EQ(CrAccessQualification{0x30}.kind(), Kind::lmsw);
    EXPECT_EQ(CrAccessQualification{0xabcd'0030}.lmsw_source(), 0xabcd);
}

TEST(IoQualification, reads_size_direction_and_port) {
    constexpr IoQualification out_byte{0x00e9'0040};
    EXPECT_EQ(out_byte.bytes(), 1u);
    EXPECT_FALSE(out_byte.in());
    EXPECT_FALSE(out_byte.string());
    EXPECT_FALSE(out_byte.rep());
    EXPECT_EQ(out_byte.port(), 0xe9);
    constexpr IoQualification rep_insd{0x03f8'003b};
    EXPECT_EQ(rep_insd.bytes(), 4u);
    EXPECT_TRUE(rep_insd.in());
    EXPECT_TRUE(rep_insd.string());
    EXPECT_TRUE(rep_insd.rep());
    EXPECT_EQ(rep_insd.port(), 0x3f8);
    EXPECT_EQ(IoQualification{0x1}.bytes(), 2u);
    EXPECT_EQ(IoQualification{0xffff'0000}.port(), 0xffff);
}

TEST(EptViolationQualification, names_each_bit) {
    for (unsigned bit = 0; bit < 13; ++bit) {
        const EptViolationQualification q{u64{1} << bit};
        EXPECT_EQ(q.read(), bit == 0) << bit;
        EXPECT_EQ(q.write(), bit == 1) << bit;
        EXPECT_EQ(q.fetch(), bit == 2) << bit;
        EXPECT_EQ(q.linear_valid(), bit == 7) << bit;
        EXPECT_EQ(q.nmi_unblocking(), bit == 12) << bit;
        EXPECT_FALSE(q.of_translation()) << "bit 8 is undefined unless bit 7 is set";
    }
    EXPECT_TRUE(EptViolationQualification{0x181}.of_translation());
    EXPECT_FALSE(EptViolationQualification{0x081}.of_translation());
}

TEST(EptViolationQualification, gives_the_access_that_was_wanted) {
    EXPECT_EQ(EptViolationQualification{0x1}.wanted(), ept::Access::read);
    EXPECT_EQ(EptViolationQualification{0x183}.wanted(), ept::Access::read | ept::Access::write);
    EXPECT_EQ(EptViolationQualification{0x3c}.wanted(), ept::Access::execute);
}

TEST(EptViolationQualification, exchanges_the_permissions_and_nothing_else) {
    const EptViolationQualification q{0x13ba};
    EXPECT_EQ(q.with_permissions(ept::Access::none).raw, 0x1382u);
    EXPECT_EQ(q.with_permissions(ept::Access::read).raw, 0x138au);
    EXPECT_EQ(q.with_permissions(ept::Access::read | ept::Access::execute).raw, 0x13aau);
}

}  // namespace
}  // namespace kurma::vmx
